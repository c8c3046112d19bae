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
