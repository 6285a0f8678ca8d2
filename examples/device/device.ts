#!/usr/bin/env node
/**
 * A device without a browser, in a terminal: shows a code, and the same as a QR code for a phone, and waits for the person.
 *
 * The QR code holds the address with the code in it and nothing else. The code stands beside it, because the page asks
 * the person to compare it (RFC 8628 §3.3.1).
 */
import * as client from 'openid-client'
import { renderUnicodeCompact } from 'uqr'

export interface DeviceOptions {
  issuer: string
  /** A client of the profile `device`. */
  clientId: string
  scope: string
  /** Takes lines for the screen. */
  show: (text: string) => void
}

/** Connects a person. Answers what the server says of them; throws when they refuse or take too long. */
export async function connectDevice({
  issuer,
  clientId,
  scope,
  show,
}: DeviceOptions): Promise<client.UserInfoResponse> {
  const http = issuer.startsWith('http:') ? { execute: [client.allowInsecureRequests] } : {}
  const server = await client.discovery(new URL(issuer), clientId, undefined, client.None(), http)
  const codes = await client.initiateDeviceAuthorization(server, { scope })
  const link = codes.verification_uri_complete ?? codes.verification_uri
  show(`${qrCode(link)}\nScan this, or open ${codes.verification_uri} and enter\n\n    ${codes.user_code}\n`)
  const tokens = await client.pollDeviceAuthorizationGrant(server, codes)
  const subject = tokens.claims()?.sub ?? client.skipSubjectCheck
  return client.fetchUserInfo(server, tokens.access_token, subject)
}

/** In colours of its own, because terminals are dark or light, with a margin of four squares (ISO/IEC 18004 §6.3.8). */
export function qrCode(text: string): string {
  const lines = renderUnicodeCompact(text, { border: 4 }).split('\n')
  return lines.map((line) => `\u001b[97;40m${line}\u001b[0m`).join('\n')
}

/** What the server answered (RFC 8628 §3.5), or what went wrong on the way to it. */
function reasonOf(error: unknown): string {
  if (error instanceof client.ResponseBodyError) return error.error_description ?? error.error
  return error instanceof Error ? error.message : String(error)
}

if (import.meta.main) {
  const { ISSUER: issuer, CLIENT_ID: clientId, SCOPE: scope = 'openid profile' } = process.env
  if (issuer === undefined || clientId === undefined) {
    process.stderr.write('Set ISSUER, and CLIENT_ID to what "habitat-auth client add --profile device" printed.\n')
    process.exit(1)
  }
  try {
    const person = await connectDevice({ issuer, clientId, scope, show: console.log })
    console.log(`Connected: ${person.name ?? person.sub}`)
  } catch (error) {
    process.stderr.write(`Not connected: ${reasonOf(error)}\n`)
    process.exit(1)
  }
}
