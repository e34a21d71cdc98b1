/** A worker whose native library does not load, for tests. */
throw new Error('libmissing.so: cannot open shared object file')
