/*
 * The standard descriptors of a program that is about to open others.
 */
#ifndef WHTNXT_IPC_STD_H
#define WHTNXT_IPC_STD_H

/*
 * Opens /dev/null wherever a standard descriptor is closed: else the next file or socket takes its
 * number, and what is printed lands in it. Call it first thing in main(). -1: there is none.
 */
int whtnxt_std_open(void);

#endif
