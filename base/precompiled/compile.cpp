// Nothing of its own: it is compiled as a header, after precompiled.h that each translation unit includes first.
