#include <stdio.h>

int main(void)
{
	printf("weir\n");
	return 0;
}
