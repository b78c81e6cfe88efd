#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool cli_confirm(const struct cli *c, const char *question)
{
    char answer[16] = "";
    if (isatty(STDIN_FILENO) != 1) {
        cli_complain(c, "Nobody is there to ask.", "If you mean it: --yes");
        return false;
    }
    fprintf(stderr, "%s [y/N] ", question);
    if (fgets(answer, sizeof(answer), stdin) == NULL) {
        fputc('\n', stderr);
        return false;
    }
    answer[strcspn(answer, "\r\n")] = '\0';
    return strcmp(answer, "y") == 0 || strcmp(answer, "Y") == 0 || strcmp(answer, "yes") == 0;
}
