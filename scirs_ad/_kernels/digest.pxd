cimport numpy as cnp

cpdef unsigned long long digest(cnp.ndarray array) except? 0
