#include "cvar_kernels.h"
