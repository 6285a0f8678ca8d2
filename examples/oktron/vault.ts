/**
 * What oktron keeps of each person, sealed: whom the server named, and the tokens for as long as there are any. It knows
 * no chat.
 */
import type { Pin } from './pin.ts'
import { type SealedFiles, sealedFiles } from './sealed-files.ts'

/** The client that asked: the device, which has no address, or the one whose pages a browser visits. */
export type Registered = 'device' | 'web'

export interface Tokens {
  readonly accessToken: string
  /** Milliseconds since 1970. */
  readonly accessExpiresAt: number
  readonly refreshToken: string
}

/** What is remembered of a person also when their access has ended. */
export interface Known {
  /** The permanent id at the server. */
  readonly subject: string
  /** What the person is called, as the server told when they connected. */
  readonly name: string
  /** By which client they connected: no other may use the tokens, and what they allowed counts for it. */
  readonly by: Registered
  /** Undefined until they have chosen one. */
  readonly pin?: Pin
}

export interface Connection extends Known {
  readonly tokens: Tokens
}

/** A message that shows something under way, which only a running program can finish. */
export interface Unfinished {
  readonly person: number
  readonly messageId: number
}

export interface Vault {
  readonly people: SealedFiles<Known | Connection>
  readonly unfinished: SealedFiles<Unfinished>
}

/** `key`: 32 random bytes. The folder is made where it is missing. */
export async function vault({ folder, key }: { folder: string; key: Buffer }): Promise<Vault> {
  return {
    people: await sealedFiles(folder, key, 'person'),
    unfinished: await sealedFiles(folder, key, 'unfinished'),
  }
}
