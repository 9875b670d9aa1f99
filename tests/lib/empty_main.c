/* SPDX-License-Identifier: MIT */
/*
 * A program that does nothing, to link a whole layer with only the layers it may use: a call
 * upwards is then an undefined symbol.
 */
int main(void)
{
    return 0;
}
