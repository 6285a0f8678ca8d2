/** Pictures for tests, as bytes. */
import { crc32, deflateSync } from 'node:zlib'

/** A square of one colour: red, green, blue, opacity. */
export function png(size = 64, colour: readonly [number, number, number, number] = [20, 60, 160, 255]): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(size, 0)
  header.writeUInt32BE(size, 4)
  header.set([8, 6], 8)
  const row = [0, ...Array.from({ length: size }, () => colour).flat()]
  const rows = Buffer.from(Array.from({ length: size }, () => row).flat())
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name), data])
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  checksum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, checksum])
}

export const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')
export const webp = Buffer.from('UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAwA0JaQAA3AA/vuUAAA=', 'base64')
/** Only its beginning. */
export const jpeg = Buffer.from('\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01', 'latin1')

/** What is no picture, whatever its name says. */
export const hostile: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')],
  ['HTML', Buffer.from('<!doctype html><script>alert(1)</script>')],
  ['SVG behind a byte order mark', Buffer.from('\ufeff <?xml version="1.0"?><svg/>')],
  ['text', Buffer.from('PNG')],
  ['a program', Buffer.from('#!/bin/sh\nid\n')],
  ['the first bytes of a PNG alone', png().subarray(0, 8)],
  ['HTML that names a GIF', Buffer.from('\nGIF89a<script>alert(1)</script>')],
]
