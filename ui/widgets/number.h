/* number.h - figures as people read them. All write at most `size` bytes and end in 0. Unknown (NaN, -1) is "-". */
#ifndef UI_WIDGETS_NUMBER_H
#define UI_WIDGETS_NUMBER_H

#include <stddef.h>
#include <stdint.h>

void number_loss(double value, char *out, size_t size);          /* "0.0931", "12.4", "4.1e-07" */
void number_percent(double value, char *out, size_t size);       /* "97.189%", as the post prints it */
void number_count(int64_t value, char *out, size_t size);        /* "3,706,933" */
void number_short(double value, char *out, size_t size);         /* "12k", "1.5M" */
void number_bytes(double value, char *out, size_t size);         /* "1.2 GB" (10^9) */
void number_clock(double seconds, char *out, size_t size);       /* "0:08", "1:41", "2:03:10" */
void number_span(double seconds, char *out, size_t size);        /* "0.4 s", "9 s", "3 min", "2.5 h" */
void number_rate(double value, char *out, size_t size);          /* a learning rate in force: "0.01", "5e-4", "2.929e-4" */
void number_typed(double value, char *out, size_t size);         /* the same with all the digits that a person may have typed */

#endif
