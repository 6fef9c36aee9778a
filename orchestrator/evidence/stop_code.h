/* Stop codes of Windows ("bug checks") and their names. Source: Microsoft's "Bug Check Code Reference" and bugcodes.h
 * of the WDK, whose values these are. What a code and its parameters mean is in evidence/bugcheck.h, as far as
 * known there. */
#ifndef COEXIST_EVIDENCE_STOP_CODE_H
#define COEXIST_EVIDENCE_STOP_CODE_H

#include <stddef.h>
#include <stdint.h>

/* "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED" for 0x7E; NULL when the code is not in the table. Static storage. Bit
 * 0x10000000, which some dumps have set (0x1000007E), makes no difference. */
const char *stop_code_name(uint32_t code);

/* The name meant by a text that may have been misread (letters by OCR: at most one in eight wrong), when exactly one
 * name is that near. Static storage; NULL else. */
const char *stop_code_nearest(const char *text, uint32_t *code);

/* Every code that has a name, in no order, each once; NULL from i = their number on. Static storage. */
const char *stop_code_at(size_t i, uint32_t *code);

#endif
