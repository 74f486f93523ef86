/* The way back from a reduced matrix. A template: S the type of an element, NAME(x) its own x. */

/* Z := H_0 H_1 ... H_(count - 1) Z, Z by columns of `ldz`, `rows` x `cols`; column j of `a` holds reflector j from row
 * j + first on, below its one. In blocks, from the last: H_1 ... H_b = 1 - V T V^T (R. Schreiber, C. Van Loan, SIAM J. Sci.
 * Stat. Comput. 10 (1989)). Work of 2 BLOCK (rows + BLOCK) + BLOCK cols elements. */
static void NAME(back)(int rows, int cols, int count, int first, const S *a, int lda, const S *tau, S *z, int ldz, S *work,
                       NAME(ad_gemm) gemm)
{
    S one = 1, zero = 0, minus = -1;
    char no = 'N', yes = 'T';
    for (int lo = (count - 1) / BLOCK * BLOCK; lo >= 0; lo -= BLOCK) {
        int b = count - lo < BLOCK ? count - lo : BLOCK, top = lo + first, h = rows - top;
        S *v = work, *vt = v + (ptrdiff_t)h * b, *t = vt + (ptrdiff_t)h * b, *inner = t + b * b, *w = inner + b * b;
        for (int j = 0; j < b; j++) {
            S *column = v + (ptrdiff_t)j * h;
            memset(column, 0, j * sizeof(S));
            column[j] = 1;
            memcpy(column + j + 1, a + (ptrdiff_t)(lo + j) * lda + top + j + 1, (h - j - 1) * sizeof(S));
        }
        gemm(&yes, &no, &b, &b, &h, &one, v, &h, v, &h, &zero, inner, &b);
        for (int j = 0; j < b; j++) { /* column j of T, by columns */
            const S x = tau[lo + j];
            for (int i = 0; i < b; i++)
                t[j * b + i] = 0;
            for (int l = 0; l < j; l++)
                for (int i = 0; i <= l; i++)
                    t[j * b + i] -= x * t[l * b + i] * inner[j * b + l];
            t[j * b + j] = x;
        }
        gemm(&no, &no, &h, &b, &b, &one, v, &h, t, &b, &zero, vt, &h);
        gemm(&yes, &no, &b, &cols, &h, &one, v, &h, z + top, &ldz, &zero, w, &b);
        gemm(&no, &no, &h, &cols, &b, &minus, vt, &h, w, &b, &one, z + top, &ldz);
    }
}
