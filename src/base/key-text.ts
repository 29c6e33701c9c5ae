// Texts that are kept as keys. V8 keeps `${a} ${b}` as a tree of its pieces for as long as it lives; one that was joined is a
// single piece, a quarter of the memory.

export const keyText = (...parts: readonly (string | number)[]): string => parts.join(' ');
