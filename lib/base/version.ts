/** What `/version` says; a spec holds it against the package. */
export const version = '0.1.0';
