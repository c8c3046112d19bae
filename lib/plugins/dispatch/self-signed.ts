import { createPublicKey, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';

const lifetimeYears = 10;
const oid = {
  commonName: '550403',
  ecdsaWithSha256: '2a8648ce3d040302',
  sha256WithRsa: '2a864886f70d01010b',
};
const tag = {
  integer: 0x02,
  bitString: 0x03,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
};

/** A fresh key for the P-256 curve. */
export function generateKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/**
 * A certificate (X.509 version 1, PEM) that `key` signs for itself, for ports whose devices check no certificate.
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
    der(tag.integer, serial),
    algorithm,
    name,
    der(tag.sequence, time(new Date(now.getTime() - 86_400_000)), time(until)),
    name,
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
  );
  const signature = createSign('sha256').update(body).sign(key);
  const certificate = der(tag.sequence, body, algorithm, der(tag.bitString, Buffer.from([0]), signature));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
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
  if (body.length < 0x80) return Buffer.concat([Buffer.from([kind, body.length]), body]);
  const length = Buffer.from(body.length.toString(16).padStart(4, '0'), 'hex');
  return Buffer.concat([Buffer.from([kind, 0x80 | length.length]), length, body]);
}
