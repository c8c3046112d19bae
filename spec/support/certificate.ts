import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** A self-signed certificate for localhost, 127.0.0.1 and ::1; specs run with the project's folder as working directory. */
export const certificate = {
  key: readFileSync(resolve('spec/support/tls/key.pem')),
  cert: readFileSync(resolve('spec/support/tls/cert.pem')),
};
