/**
 * Seals secrets that must be read again (signing keys, second factors, upstream tokens) before they are stored.
 *
 * AES-256-GCM under the newest key of a ring; older keys still open. The context (what this is and whose) is bound as
 * additional data, so that a sealed value moved to another row does not open. Knows nothing of what it seals.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
} from 'node:crypto'

/** A sealed value that does not open: wrong key ring, wrong context, or damage. */
export class SealBroken extends Error {
  override name = 'SealBroken'
}

export interface Sealer {
  /** Seals UTF-8 `plaintext` for `context`; text that is safe to store. */
  seal(plaintext: string, context: string): string
  /** Opens what `seal` made for the same context. Throws `SealBroken`. */
  open(sealed: string, context: string): string
  /** Keyed hash (HMAC-SHA-256, base64url) of `value` under each key of the ring, newest first. */
  fingerprints(value: string, context: string): readonly [string, ...string[]]
  /** 32 bytes for `purpose`, derived from each key of the ring, newest first (RFC 5869). */
  derive(purpose: string): readonly [Buffer, ...Buffer[]]
}

const version = 'v1'
const nonceLength = 12
const tagLength = 16

/** Builds a sealer from a ring of secrets, newest first; each at least 32 characters. Throws TypeError on an empty ring. */
export function sealer(secrets: readonly string[]): Sealer {
  const ring = secrets.map((secret) => ({
    id: createHash('sha256').update(`habitat-auth key id ${secret}`).digest('base64url').slice(0, 8),
    encryption: derived(secret, 'seal'),
    // As a key object, which takes a sixth of the time: this runs for every token.
    authentication: createSecretKey(derived(secret, 'fingerprint')),
    secret,
  }))
  const [newest] = ring
  if (newest === undefined) throw new TypeError('the key ring is empty')
  return {
    seal(plaintext, context) {
      const nonce = randomBytes(nonceLength)
      const cipher = createCipheriv('aes-256-gcm', newest.encryption, nonce)
      cipher.setAAD(Buffer.from(context))
      const body = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()])
      return `${version}.${newest.id}.${Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64url')}`
    },
    open(sealed, context) {
      const [head, id, data, ...rest] = sealed.split('.')
      const key = ring.find((candidate) => candidate.id === id)
      if (head !== version || data === undefined || rest.length > 0) throw new SealBroken('not a sealed value')
      if (key === undefined) throw new SealBroken('sealed with a key that is not in SECRETS')
      const bytes = Buffer.from(data, 'base64url')
      if (bytes.length < nonceLength + tagLength) throw new SealBroken('sealed value is cut short')
      try {
        const decipher = createDecipheriv('aes-256-gcm', key.encryption, bytes.subarray(0, nonceLength))
        decipher.setAAD(Buffer.from(context))
        decipher.setAuthTag(bytes.subarray(-tagLength))
        return decipher.update(bytes.subarray(nonceLength, -tagLength), undefined, 'utf8') + decipher.final('utf8')
      } catch (cause) {
        throw new SealBroken('sealed value is damaged or belongs elsewhere', { cause })
      }
    },
    fingerprints(value, context) {
      const [first, ...others] = ring.map(({ authentication }) =>
        createHmac('sha256', authentication).update(`${context}\0${value}`).digest('base64url'),
      )
      return [first as string, ...others]
    },
    derive(purpose) {
      const [first, ...others] = ring.map(({ secret }) => derived(secret, purpose))
      return [first as Buffer, ...others]
    },
  }
}

function derived(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'habitat-auth', purpose, 32))
}
