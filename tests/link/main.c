/* main.c - links one folder of src/ with what it may see, and no more. That it links is the test. */
int main(void)
{
	return 0;
}
