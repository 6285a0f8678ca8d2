/** The way out: from what a person typed to the page of their PDS. */
import type { NodeSavedState } from '@atproto/oauth-client-node'
import type { AtprotoClient, Begun } from './contract.ts'
import { readIdentifier } from './identifier.ts'
import { type Library, memoryStore } from './library.ts'
import type { OwnClient } from './own-client.ts'
import { beginProblem } from './problems.ts'
import type { States } from './stores.ts'

/** What the callback needs again. */
export interface SavedState {
  readonly clientId: string
  readonly state: NodeSavedState
}

/** Milliseconds that a person waits at most for handle, DID and PDS to be found. */
const patience = 15_000

export function begin(options: {
  own: OwnClient
  library: Library
  states: States
  allowHttp: boolean
  report: (message: string, error: unknown) => void
}): AtprotoClient['begin'] {
  const { own, library, states, allowHttp, report } = options

  return async ({ identifier, scopes, signal }) => {
    const target = readIdentifier(identifier, allowHttp)
    if (target === undefined) return { kind: 'problem', problem: 'invalid-handle' }
    const scope = [...new Set(['atproto', ...scopes])].join(' ')
    const identification = await own.asking(scope)
    const held = memoryStore<NodeSavedState>()
    const limit = AbortSignal.timeout(patience)
    const client = library.client(identification, { state: held })
    const options = { scope, signal: signal === undefined ? limit : AbortSignal.any([limit, signal]) }
    let to: URL
    try {
      to = await client.authorize(target, options).catch((error: unknown) => {
        if (target.includes(':') || beginProblem(error) !== 'unknown-handle') throw error
        // A name that is nobody's handle may be a PDS's; if it is none, it stays an unknown handle.
        return client.authorize(`https://${target}`, options).catch(() => {
          throw error
        })
      })
    } catch (error) {
      return problemOf(error)
    }
    if (held.entry === undefined || !(to.protocol === 'https:' || allowHttp)) {
      return { kind: 'problem', problem: 'unsuitable-host' }
    }
    const { key: state, value } = held.entry
    await states.set(state, JSON.stringify({ clientId: identification.clientId, state: value } satisfies SavedState))
    return { kind: 'redirect', to, state }
  }

  function problemOf(error: unknown): Begun {
    const problem = beginProblem(error)
    if (problem === 'unsuitable-host') report('a PDS does not take us', error)
    return { kind: 'problem', problem }
  }
}
