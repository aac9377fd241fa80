#ifndef CVAR_KERNELS_H
#define CVAR_KERNELS_H
#endif
