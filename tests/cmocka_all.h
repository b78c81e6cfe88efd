/* cmocka.h needs these before it. */
#ifndef LP2P_TESTS_CMOCKA_ALL_H
#define LP2P_TESTS_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#endif
