/* main.c - the program: which command was asked for. */
#include <stdio.h>

int main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return fputs("convtui " CVT_VERSION "\n", stdout) < 0;
}
