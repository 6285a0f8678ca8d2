/**
 * Logos as they are stored: a picture in the client's metadata, `data:image/png;base64,…`, and nothing else.
 *
 * What a file is says its content, not its name: four kinds of picture that hold no script. Knows neither where a
 * picture comes from nor how it is served.
 */
import { Refusal } from '../errors.ts'

/** Largest picture, bytes. */
export const maximumLogoSize = 64 * 1024

/** For those who are asked for one. */
export const logoKinds = 'a PNG, JPEG, WebP or GIF of at most 64 KiB'

type LogoType = 'image/png' | 'image/jpeg' | 'image/webp' | 'image/gif'

export interface Logo {
  readonly type: LogoType
  readonly bytes: Buffer
}

const stored = /^data:(image\/(?:png|jpeg|webp|gif));base64,([A-Za-z0-9+/]+={0,2})$/
const longest = 'data:image/jpeg;base64,'.length + 4 * Math.ceil(maximumLogoSize / 3)

/** The stored form of a picture. Throws `Refusal` when it is too large or no picture that is taken. */
export function encodeLogo(bytes: Buffer): string {
  if (bytes.length === 0) throw new Refusal('invalid', `The picture is empty. Give ${logoKinds}.`)
  if (bytes.length > maximumLogoSize) {
    throw new Refusal('too-large', `The picture is larger than 64 KiB. It is shown 56 pixels wide: 256 are plenty.`)
  }
  const type = pictureType(bytes)
  if (type === undefined) {
    const markup = /^(?:\ufeff)?\s*</.test(bytes.subarray(0, 200).toString('utf8'))
    const reason = markup ? 'holds markup (SVG, HTML or XML), which may hold scripts' : 'is no picture of a known kind'
    throw new Refusal('unsupported-type', `The file ${reason}, whatever its name says. Give ${logoKinds}.`)
  }
  return `data:${type};base64,${bytes.toString('base64')}`
}

/** The logo in its stored form; undefined for anything that is none. */
export function decodeLogo(value: unknown): Logo | undefined {
  if (typeof value !== 'string' || value.length > longest) return undefined
  const [, type, data] = stored.exec(value) ?? []
  if (type === undefined || data === undefined) return undefined
  const bytes = Buffer.from(data, 'base64')
  return bytes.length <= maximumLogoSize && pictureType(bytes) === type ? { type, bytes } : undefined
}

/** What the first bytes say (the signatures of each format's specification). */
function pictureType(bytes: Buffer): LogoType | undefined {
  const starts = (signature: string, at = 0) =>
    bytes.subarray(at, at + signature.length).equals(Buffer.from(signature, 'latin1'))
  if (starts('\x89PNG\r\n\x1a\n') && starts('IHDR', 12)) return 'image/png'
  if (starts('\xff\xd8\xff')) return 'image/jpeg'
  if (starts('RIFF') && starts('WEBPVP8', 8)) return 'image/webp'
  if (starts('GIF87a') || starts('GIF89a')) return 'image/gif'
  return undefined
}
