/* vgg.h - the five configurations, for vgg.c and the label. */
#ifndef CVT_ARCH_VGG_H
#define CVT_ARCH_VGG_H

/* "VGG-11A": conv layers and the three dense ones count. `arch`: CVT_ARCH_VGG_A to E. */
const char *cvt_vgg_name(int arch);

#endif
