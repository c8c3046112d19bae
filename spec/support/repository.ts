import { fileURLToPath } from 'node:url';

/** The folder of the repository; specs run from build/spec. */
export const root = fileURLToPath(new URL('../../../', import.meta.url));
