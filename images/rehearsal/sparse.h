/* The stream that a disk is packed into inside the WIM: only what is not empty. All numbers little-endian, 8 bytes:
 * magic, size of the whole, then extents (offset, length, bytes) in order, and one of length 0 at the end. */
#ifndef COEXIST_REHEARSAL_SPARSE_H
#define COEXIST_REHEARSAL_SPARSE_H

#define SPARSE_MAGIC "CXSPARSE"
#define SPARSE_NAME "system.sparse" /* its file in the WIM */

#endif
