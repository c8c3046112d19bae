const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = `${token}(?:[ \\t]*=[ \\t]*(?:${token}|"${token}"))?`;
const offer = `${token}(?:[ \\t]*;[ \\t]*${parameter})*`;
const list = new RegExp(`^[ \\t]*${offer}(?:[ \\t]*,[ \\t]*${offer})*[ \\t]*$`);

const windowBits = /^"?(?:[89]|1[0-5])"?$/;
/** The parameters of RFC 7692, and what each takes. */
const parameters: Readonly<Record<string, RegExp | undefined>> = {
  server_no_context_takeover: undefined,
  client_no_context_takeover: undefined,
  server_max_window_bits: windowBits,
  client_max_window_bits: windowBits,
};

/**
 * Of what `Sec-WebSocket-Extensions` offers, that which can be accepted; undefined for none. A client is declined what
 * nobody here knows, and gets its WebSocket without it. What is no list of offers comes back as it is, to be refused.
 */
export function knownOffers(offered: string): string | undefined {
  if (!list.test(offered)) return offered;
  return (
    offered
      .split(',')
      .filter(isKnown)
      .map((text) => text.trim())
      .join(', ') || undefined
  );
}

function isKnown(text: string): boolean {
  const [extension, ...given] = text.split(';').map((part) => part.trim());
  if (extension !== 'permessage-deflate') return false;
  const seen = new Set<string>();
  return given.every((each) => {
    const [name = '', value] = each.split('=').map((part) => part.trim());
    if (seen.has(name) || !Object.hasOwn(parameters, name)) return false;
    seen.add(name);
    const form = parameters[name];
    // A client may say that it takes a window without saying which.
    if (value === undefined) return form === undefined || name === 'client_max_window_bits';
    return form?.test(value) === true;
  });
}
