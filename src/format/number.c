#include "format/number.h"

#include "lp2p/error.h"

int lp2p_number_parse(const char *text, size_t n, uint64_t max, uint64_t *ret)
{
    if (n == 0 || (n > 1 && text[0] == '0')) {
        return -LP2P_E_DECODE;
    }
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -LP2P_E_DECODE;
        }
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (v > (max - digit) / 10 || digit > max) {
            return -LP2P_E_DECODE;
        }
        v = v * 10 + digit;
    }
    *ret = v;
    return 0;
}

size_t lp2p_number_format(uint64_t v, char text[static LP2P_NUMBER_TEXT_SIZE])
{
    char rev[LP2P_NUMBER_TEXT_SIZE];
    size_t n = 0;
    do {
        rev[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    for (size_t i = 0; i < n; i++) {
        text[i] = rev[n - 1 - i];
    }
    text[n] = '\0';
    return n;
}
