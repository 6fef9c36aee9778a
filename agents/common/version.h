/* The agent's own version, as hello and --version tell it. */
#ifndef COEXIST_COMMON_VERSION_H
#define COEXIST_COMMON_VERSION_H

#define AGENT_VERSION "0.1.0"

#endif
