import { createPublicKey, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';

const lifetimeYears = 10;
/** What clients that check the name may have dialled, beside the common name. */
const localNames = ['localhost'];
const localAddresses = [Buffer.from([127, 0, 0, 1]), Buffer.from([...Array<number>(15).fill(0), 1])];
const oid = {
  commonName: '550403',
  subjectAltName: '551d11',
  ecdsaWithSha256: '2a8648ce3d040302',
  sha256WithRsa: '2a864886f70d01010b',
};
const tag = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  dnsName: 0x82,
  ipAddress: 0x87,
  version: 0xa0,
  extensions: 0xa3,
};

/** A fresh key for the P-256 curve. */
export function generateKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/**
 * A certificate (X.509 version 3, PEM) that `key` signs for itself. Most devices check no certificate; one that was
 * given this one to trust finds its own machine named in it.
 * @throws Error for a key that is neither RSA nor EC.
 */
export function selfSign(key: KeyObject, commonName: string, now: Date): string {
  const algorithm = algorithmOf(key);
  const name = der(
    tag.sequence,
    der(tag.set, der(tag.sequence, hex(tag.oid, oid.commonName), der(tag.utf8, Buffer.from(commonName)))),
  );
  const serial = randomBytes(16);
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f);
  const until = new Date(now);
  until.setUTCFullYear(now.getUTCFullYear() + lifetimeYears);
  const body = der(
    tag.sequence,
    der(tag.version, der(tag.integer, Buffer.from([2]))),
    der(tag.integer, serial),
    algorithm,
    name,
    der(tag.sequence, time(new Date(now.getTime() - 86_400_000)), time(until)),
    name,
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    der(tag.extensions, der(tag.sequence, alternativeNames(commonName))),
  );
  const signature = createSign('sha256').update(body).sign(key);
  const certificate = der(tag.sequence, body, algorithm, der(tag.bitString, Buffer.from([0]), signature));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function alternativeNames(commonName: string): Buffer {
  const names = [
    ...[commonName, ...localNames].map((name) => der(tag.dnsName, Buffer.from(name))),
    ...localAddresses.map((address) => der(tag.ipAddress, address)),
  ];
  return der(tag.sequence, hex(tag.oid, oid.subjectAltName), der(tag.octetString, der(tag.sequence, ...names)));
}

function algorithmOf(key: KeyObject): Buffer {
  switch (key.asymmetricKeyType) {
    case 'ec':
      return der(tag.sequence, hex(tag.oid, oid.ecdsaWithSha256));
    case 'rsa':
      return der(tag.sequence, hex(tag.oid, oid.sha256WithRsa), der(tag.null));
    default:
      throw new Error(`no certificate can be made for a key of type ${key.asymmetricKeyType ?? 'unknown'}`);
  }
}

/** RFC 5280 wants the short form up to 2049. */
function time(date: Date): Buffer {
  const digits = `${date.toISOString().replaceAll(/[-:T]|\..*$/g, '')}Z`;
  if (date.getUTCFullYear() >= 2050) return der(tag.generalizedTime, Buffer.from(digits));
  return der(tag.utcTime, Buffer.from(digits.slice(2)));
}

function hex(kind: number, digits: string): Buffer {
  return der(kind, Buffer.from(digits, 'hex'));
}

/** One element: tag, length, content. */
function der(kind: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([kind]), lengthOf(body), body]);
}

/** In as few bytes as it takes; strict readers refuse any other. */
function lengthOf({ length }: Uint8Array): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const digits = length.toString(16);
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}
