const mostEdits = 3;

/** Settings of `node:tls` that are often given beside the option `tls` instead of in it. */
const tlsSettings: ReadonlySet<string> = new Set([
  'ca',
  'cert',
  'ciphers',
  'key',
  'passphrase',
  'pfx',
  'pskCallback',
  'rejectUnauthorized',
  'requestCert',
  'servername',
  'SNICallback',
]);

/** The one of `known` that somebody who wrote `name` may have meant; undefined when none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (tlsSettings.has(name) && known.includes('tls')) return `tls: { ${name} }`;
  let found: string | undefined;
  let least = mostEdits + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) {
      least = distance;
      found = candidate;
    }
  }
  return found;
}

/**
 * Whether `name` is one of `known` written wrongly, rather than a name of its own: no more than three letters of ten
 * differ, and in short names not the first. A setting of `node:tls` is misplaced where the option `tls` is `given` too.
 */
export function isMisspelt(name: string, known: readonly string[], given: object): boolean {
  if (tlsSettings.has(name) && 'tls' in given) return true;
  const written = name.toLowerCase();
  return known.some((candidate) => {
    const meant = candidate.toLowerCase();
    const distance = editDistance(written, meant);
    if (distance > mostEdits || distance * 10 > Math.max(written.length, meant.length) * 3) return false;
    return written.length > 7 || written[0] === meant[0];
  });
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
