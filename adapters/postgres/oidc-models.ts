/**
 * The storage adapter of oidc-provider: one object per model, over the tables of this folder.
 *
 * Owns the rules that make single use real and a stolen database worthless: ids are stored as hashes, `consume` is one
 * conditional statement, replay detection only inserts, everything hangs on a live grant, and what a token request
 * writes is written in one statement at its end. Knows nothing of HTTP; what it must know of the request is passed in.
 */
import type { Kysely, Selectable } from 'kysely'
import { errors } from 'oidc-provider'
import type { Sealer } from '../crypto/seal.ts'
import { approvalModel, approvals } from './approvals.ts'
import { artifacts, type SpendOutcome } from './artifacts.ts'
import { browserSessions } from './browser-sessions.ts'
import { deviceCodes } from './device-codes.ts'
import { durableGrants } from './durable-grants.ts'
import { hashed } from './hashed.ts'
import { pendingInteractions } from './pending-interactions.ts'
import { replays } from './replays.ts'
import { requestMemo } from './request-memo.ts'
import type { AccountRow, Database } from './schema.ts'
import { isStoredId, keyOf, storedId } from './stored-id.ts'

/** A payload of oidc-provider: what a model says of itself, by field name. */
export type Payload = Record<string, unknown>

/** The methods that oidc-provider calls on its adapter; `expiresIn` in seconds. */
export interface ModelAdapter {
  upsert(id: string, payload: Payload, expiresIn: number): Promise<void>
  find(id: string): Promise<Payload | undefined>
  findByUid(uid: string): Promise<Payload | undefined>
  findByUserCode(userCode: string): Promise<Payload | undefined>
  consume(id: string): Promise<void>
  destroy(id: string): Promise<void>
  revokeByGrantId(grantId: string): Promise<void>
}

/** What the library keeps and finds of clients that register themselves (RFC 7591, RFC 7592). */
export interface RegistrationModels {
  readonly client: Pick<ModelAdapter, 'upsert' | 'destroy'>
  readonly managementToken: Pick<ModelAdapter, 'upsert' | 'find' | 'destroy'>
  readonly initialToken: Pick<ModelAdapter, 'find'>
}

/** What the adapter has to know of the request that it works for. */
export interface RequestScope {
  /** Identity of the request; what was read for it is read once. */
  key: object
  /** Whether writes of tokens wait for `flush`. */
  defer: boolean
  /** Seconds in which a rotated refresh token may be presented again (lost response); 0 for never. */
  refreshGrace: number
  /** Whether ids that are looked up come from a row of ours and not from outside. */
  ownIds: boolean
}

export interface OidcModelsOptions {
  db: Kysely<Database>
  sealer: Sealer
  now: () => Date
  scope: () => RequestScope | undefined
  /** Metadata of an enabled client in the names of RFC 7591. */
  findClient: (id: string) => Promise<Payload | undefined>
  /** Clients that register themselves; undefined: none do. */
  registration?: RegistrationModels | undefined
  /** Told when a spent code or refresh token was presented again and its grant was revoked. */
  onReplay: (replay: { model: string; grantId: string }) => void
}

/** The database did not answer: a 503 that a client may repeat, never `invalid_grant`. */
class StorageUnavailable extends errors.OIDCProviderError {
  override error_description = 'the server cannot reach its database; try again shortly'

  constructor(cause: unknown) {
    super(503, 'temporarily_unavailable', { cause } as never)
    this.expose = true
    Object.assign(this, { allow_redirect: false })
  }
}

export interface OidcModels {
  adapter(model: string): ModelAdapter
  /** Writes what the request with this key has put off. Throws `InvalidGrant` when the code or token was spent meanwhile. */
  flush(key: object): Promise<void>
  /** The refresh token that replaces `presented`: always the same one (docs/decisions/006-refresh-tokens.md). */
  successorOf(key: object, presented: string): string
  /** The parameters of the authorization request behind an interaction, also after its end. */
  requestOf(interaction: string): Promise<Payload | undefined>
  /** Gives up the claim of the device code that an open interaction is about; the user code, while it waits for a person. */
  releaseDevice(interaction: string): Promise<string | undefined>
  /** The account row that came along with a token of this request. */
  account(key: object, id: string): Selectable<AccountRow> | undefined
}

/** Builds the adapter. */
export function oidcModels(options: OidcModelsOptions): OidcModels {
  const { db, sealer, now, scope } = options
  const memo = requestMemo()
  const store = artifacts(db, now)
  const asked = approvals(db, now)
  const devices = deviceCodes(db, now)
  const grants = durableGrants(db, now)
  const sessions = browserSessions(db, now)
  const interactions = pendingInteractions(db, sealer, now)
  const replayed = replays(db, now)
  const userCodeHashes = (userCode: string): readonly string[] => sealer.fingerprints(userCode, 'user-code')

  async function spent(outcome: SpendOutcome, model: string): Promise<void> {
    if (outcome.result === 'ok') return
    if (outcome.result === 'already-spent' && outcome.grantId !== undefined) await endReplayed(outcome.grantId, model)
    throw spendError(model)
  }

  async function endReplayed(grantId: string, model: string): Promise<void> {
    if (await grants.revoke(grantId)) options.onReplay({ model, grantId })
  }

  function artifactAdapter(model: string): ModelAdapter {
    return {
      ...unsupported(model),
      async upsert(id, payload, expiresIn) {
        const { userCode, jti: _secret, ...rest } = payload
        const row = store.row({
          idHash: keyOf(id),
          model,
          payload:
            typeof userCode === 'string' ? { ...rest, sealedUserCode: sealer.seal(userCode, 'user-code') } : rest,
          expiresIn,
          ...(typeof userCode === 'string' ? { userCodeHash: userCodeHashes(userCode)[0] as string } : {}),
        })
        const at = scope()
        // A step of a code that is stored: never over one that somebody else took.
        if (model === 'DeviceCode' && (isStoredId(id) || 'inFlight' in payload || 'error' in payload)) {
          if (!(await devices.move(row))) throw new errors.InvalidGrant('the code was used or has expired meanwhile')
        } else if (model === approvalModel && isStoredId(id)) {
          if (!(await asked.decide(row)))
            throw new errors.InvalidGrant('the request was decided or has ended meanwhile')
        } else if (at?.defer === true) memo.of(at.key).writes.push(row)
        else if (!(await store.write([row]))) throw new errors.InvalidGrant('the grant was revoked meanwhile')
      },
      async find(id) {
        const at = scope()
        const idHash = at?.ownIds === true ? keyOf(id) : hashed(id)
        const found = await (at === undefined ? store.find(idHash) : memo.of(at.key).artifact(idHash, store.find))
        if (found === undefined || found.model !== model) return undefined
        if (at !== undefined) memo.of(at.key).remember(found)
        return restored(found.payload, id, store.consumedAt(found, at?.refreshGrace ?? 0))
      },
      async findByUserCode(userCode) {
        const found = await store.findByUserCode(userCodeHashes(userCode))
        if (found === undefined || found.model !== model) return undefined
        return { ...restored(found.payload, storedId(found.idHash), found.consumedAt), userCode }
      },
      async consume(id) {
        const at = scope()
        const spend = { idHash: keyOf(id), model, grace: at?.refreshGrace ?? 0 }
        if (at?.defer === true) memo.of(at.key).spend = spend
        else await spent(await store.spend(spend, []), model)
      },
      async destroy(id) {
        await store.destroy(keyOf(id))
      },
      revokeByGrantId: (grantId) => store.destroyByGrant(grantId, model),
    }

    function restored(payload: Payload, id: string, consumedAt: Date | undefined): Payload {
      const { sealedUserCode, ...rest } = payload
      return {
        ...rest,
        jti: id,
        ...(typeof sealedUserCode === 'string' ? { userCode: sealer.open(sealedUserCode, 'user-code') } : {}),
        ...(consumedAt === undefined ? {} : { consumed: Math.floor(consumedAt.getTime() / 1000) }),
      }
    }
  }

  function sessionAdapter(): ModelAdapter {
    return {
      ...unsupported('Session'),
      async find(id) {
        const at = scope()
        const found = await sessions.find(id)
        if (at !== undefined && found !== undefined) memo.of(at.key).sessionUid = String(found['uid'])
        return found
      },
      findByUid: sessions.findByUid,
      async upsert(id, payload, expiresIn) {
        const at = scope()
        const begun = at !== undefined && memo.of(at.key).sessionUid === payload['uid']
        await sessions.save(id, payload, expiresIn, { begun })
      },
      destroy: sessions.leave,
    }
  }

  function adapterOf(model: string): ModelAdapter {
    switch (model) {
      case 'Client':
        return { ...unsupported(model), find: options.findClient, ...options.registration?.client }
      case 'RegistrationAccessToken':
        return { ...unsupported(model), ...options.registration?.managementToken }
      case 'InitialAccessToken':
        return { ...unsupported(model), ...options.registration?.initialToken }
      case 'ReplayDetection':
        return {
          ...unsupported(model),
          // The library asks and then writes; under a race only the question can be answered truly, so asking claims.
          async find(id) {
            const isNew = await replayed.claim(id)
            return isNew ? undefined : { jti: id, kind: model, exp: Math.floor(now().getTime() / 1000) + 60 }
          },
          upsert: (id, _payload, expiresIn) => replayed.keep(id, expiresIn),
        }
      case 'Grant':
        return {
          ...unsupported(model),
          async upsert(id, payload, expiresIn) {
            if (!(await grants.save(id, payload, expiresIn))) throw new errors.InvalidGrant('the grant was revoked')
          },
          async find(id) {
            const at = scope()
            return (at === undefined ? undefined : memo.of(at.key).grant(id)) ?? (await grants.find(id))
          },
          async destroy(id) {
            const at = scope()
            const replayedModel = at === undefined ? undefined : memo.of(at.key).spentModel()
            // At the token endpoint the library ends a grant for one reason: what was spent was presented again.
            if (at?.defer === true && replayedModel !== undefined) await endReplayed(id, replayedModel)
            else await grants.revoke(id)
          },
        }
      case 'Session':
        return sessionAdapter()
      case 'Interaction':
        return {
          ...unsupported(model),
          ...interactions,
          async destroy(id) {
            // One authorization per interaction, however often the browser comes back with it.
            if (!(await interactions.end(id))) throw new errors.SessionNotFound('interaction session not found')
          },
        }
      default:
        return artifactAdapter(model)
    }
  }

  return {
    adapter: (model) => guarded(adapterOf(model)),
    async flush(key) {
      const { writes, spend } = memo.of(key)
      memo.forget(key)
      if (spend !== undefined) await reached(async () => spent(await store.spend(spend, writes), spend.model))
      else if (writes.length > 0 && !(await reached(() => store.write(writes)))) {
        throw new errors.InvalidGrant('the grant was revoked meanwhile')
      }
    },
    successorOf(key, presented) {
      const candidates = sealer.fingerprints(presented, 'refresh-token-successor')
      const known = memo.of(key).successorHash(hashed(presented))
      return candidates.find((candidate) => hashed(candidate) === known) ?? candidates[0]
    },
    requestOf: (interaction) => reached(() => interactions.requestOf(interaction)),
    async releaseDevice(interaction) {
      const device = await reached(() => interactions.deviceOf(interaction))
      const sealed = device && (await reached(() => devices.release(keyOf(device))))
      return sealed === undefined ? undefined : sealer.open(sealed, 'user-code')
    },
    account: (key, id) => memo.of(key).account(id),
  }
}

function spendError(model: string): Error {
  return model === 'PushedAuthorizationRequest'
    ? new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used')
    : new errors.InvalidGrant('already used')
}

/** Database trouble becomes `StorageUnavailable`; what the adapter itself refuses stays as it is. */
export async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof errors.OIDCProviderError) throw error
    throw isDataError(error)
      ? new errors.InvalidRequest('the request holds text that cannot be stored')
      : new StorageUnavailable(error)
  }
}

/** Postgres has no NUL and no half of a surrogate pair in text (class 22 of its error codes): whoever sent it is at fault. */
function isDataError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^22(021|P05|P02)$/.test(String(error.code))
}

function guarded(adapter: ModelAdapter): ModelAdapter {
  return {
    upsert: (...args) => reached(() => adapter.upsert(...args)),
    find: (...args) => reached(() => adapter.find(...args)),
    findByUid: (...args) => reached(() => adapter.findByUid(...args)),
    findByUserCode: (...args) => reached(() => adapter.findByUserCode(...args)),
    consume: (...args) => reached(() => adapter.consume(...args)),
    destroy: (...args) => reached(() => adapter.destroy(...args)),
    revokeByGrantId: (...args) => reached(() => adapter.revokeByGrantId(...args)),
  }
}

function unsupported(model: string): ModelAdapter {
  const refuse = (method: string) => async (): Promise<never> => {
    throw new TypeError(`${model} has no ${method}`)
  }
  return {
    upsert: refuse('upsert'),
    find: refuse('find'),
    findByUid: refuse('findByUid'),
    findByUserCode: refuse('findByUserCode'),
    consume: refuse('consume'),
    destroy: refuse('destroy'),
    revokeByGrantId: refuse('revokeByGrantId'),
  }
}
