/**
 * What every storage adapter for oidc-provider promises, as tests to run over each of them.
 *
 * Written from the library's side: models by name, payloads, grants. Single use, revocation and what a thief of the
 * database could read are promises of the adapter, because the library only ever asks and then writes.
 */
import { randomBytes } from 'node:crypto'
import { errors } from 'oidc-provider'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelAdapter, Payload } from '../../adapters/postgres/oidc-models.ts'

/** One adapter over a fresh database of its own. */
export interface AdapterFixture {
  adapter(model: string): ModelAdapter
  now(): Date
  /** Every stored value as text, and the stored form of an id. */
  dump(): Promise<string>
  storedForm(id: string): string
  /** Creates an account and answers its id. */
  account(): Promise<string>
  disableAccount(id: string): Promise<void>
  removeAccount(id: string): Promise<void>
  /** Every replay that the adapter told of, by grant. */
  readonly replayed: readonly string[]
  /** Makes the database unreachable. */
  cut(): Promise<void>
  close(): Promise<void>
}

export interface AdapterSuite {
  readonly name: string
  open(): Promise<AdapterFixture>
}

/** Models of a grant, whose ids are secrets. */
const grantModels = ['AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode'] as const
const consumable = ['AuthorizationCode', 'RefreshToken', 'DeviceCode', 'PushedAuthorizationRequest'] as const
/** Models whose id stands in no answer of the library but as a secret. */
const secretModels = [
  ...grantModels,
  'ClientCredentials',
  'PushedAuthorizationRequest',
  'BackchannelAuthenticationRequest',
  'PreAuthorizedCode',
] as const
const everyModel = [...secretModels, 'Session', 'Interaction', 'Grant'] as const

const hour = 3600

/** Declares the suite's tests for one adapter. */
export function describeOidcAdapter(suite: AdapterSuite): void {
  // One database for all: ids are random, so no test sees another's rows.
  let shared: AdapterFixture
  const promise = (name: string, check: (fixture: AdapterFixture) => Promise<void>): void =>
    test(name, () => check(shared))

  describe(`storage adapter: ${suite.name}`, () => {
    beforeAll(async () => {
      shared = await suite.open()
    })
    afterAll(() => shared.close())

    describe.each(everyModel)('%s', (model) => {
      promise('comes back as it was stored, written twice too, and is gone once destroyed', async (it) => {
        const grantId = await grant(it)
        const { id, payload } = artifact(it, model, model === 'Grant' ? undefined : grantId)
        await it.adapter(model).upsert(id, payload, hour)
        expect(await it.adapter(model).find(id)).toEqual(payload)
        const changed = { ...payload, exp: seconds(it) + 2 * hour }
        await it.adapter(model).upsert(id, changed, 2 * hour)
        expect(await it.adapter(model).find(id)).toEqual(changed)
        await it.adapter(model).destroy(id)
        expect(await it.adapter(model).find(id)).toBeUndefined()
      })

      promise('is unknown under any other id', async (it) => {
        const { id, payload } = artifact(it, model, model === 'Grant' ? undefined : await grant(it))
        await it.adapter(model).upsert(id, payload, hour)
        for (const other of ['', secret(), `${id}x`, id.slice(0, -1), id.toUpperCase(), `%${id}`, `${id} `]) {
          if (other !== id) expect(await it.adapter(model).find(other), other).toBeUndefined()
        }
      })
    })

    describe.each([...secretModels, 'Session', 'Interaction'] as const)('a stolen database: %s', (model) => {
      promise('the id is nowhere in clear, and what is stored of it opens nothing', async (it) => {
        const { id, payload } = artifact(it, model, await grant(it))
        await it.adapter(model).upsert(id, payload, hour)
        expect(await it.dump()).not.toContain(id)
        const stored = it.storedForm(id)
        expect(await it.dump()).toContain(stored)
        for (const stolen of [stored, `stored.${stored}`, `uid.${stored}`, `uid.${payload['uid']}`]) {
          expect(await it.adapter(model).find(stolen), stolen).toBeUndefined()
        }
      })
    })

    promise('an id of one model opens no other', async (it) => {
      const grantId = await grant(it)
      for (const model of secretModels) {
        const { id, payload } = artifact(it, model, grantId)
        await it.adapter(model).upsert(id, payload, hour)
        for (const other of secretModels) {
          if (other !== model) expect(await it.adapter(other).find(id), `${model} as ${other}`).toBeUndefined()
        }
      }
    })

    describe.each(consumable)('%s', (model) => {
      promise('is consumed once: of 50 at the same time one wins (RFC 9700 §4.5, §4.14)', async (it) => {
        const grantId = model === 'PushedAuthorizationRequest' ? undefined : await grant(it)
        const { id, payload } = artifact(it, model, grantId)
        const sibling = artifact(it, 'AccessToken', grantId)
        await it.adapter(model).upsert(id, payload, hour)
        await it.adapter('AccessToken').upsert(sibling.id, sibling.payload, hour)
        const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => it.adapter(model).consume(id)))
        const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
        expect(refused).toHaveLength(49)
        for (const { reason } of refused) {
          expect(reason).toBeInstanceOf(grantId === undefined ? errors.InvalidRequestUri : errors.InvalidGrant)
        }
        if (grantId === undefined) return
        // RFC 6749 §4.1.2: what was issued for it ends with the second use.
        expect(await it.adapter('Grant').find(grantId)).toBeUndefined()
        expect(await it.adapter('AccessToken').find(sibling.id)).toBeUndefined()
        expect(it.replayed).toContain(grantId)
      })

      promise('says that it was consumed, and when', async (it) => {
        const { id, payload } = artifact(
          it,
          model,
          model === 'PushedAuthorizationRequest' ? undefined : await grant(it),
        )
        await it.adapter(model).upsert(id, payload, hour)
        await it.adapter(model).consume(id)
        expect(await it.adapter(model).find(id)).toEqual({ ...payload, consumed: seconds(it) })
      })

      promise('that was never there cannot be consumed', async (it) => {
        const told = it.replayed.length
        await expect(it.adapter(model).consume(secret())).rejects.toMatchObject({ statusCode: 400 })
        expect(it.replayed).toHaveLength(told)
      })
    })

    describe.each(['destroy', 'revokeByGrantId'] as const)('ending a grant (%s)', (way) => {
      const end = async (it: AdapterFixture, grantId: string): Promise<void> => {
        if (way === 'destroy') return it.adapter('Grant').destroy(grantId)
        await Promise.all(grantModels.map((model) => it.adapter(model).revokeByGrantId(grantId)))
      }

      promise('ends every code and token of it and of no other', async (it) => {
        const [ended, other] = [await grant(it), await grant(it)]
        const mine = await Promise.all(grantModels.map((model) => stored(it, model, ended)))
        const others = await Promise.all(grantModels.map((model) => stored(it, model, other)))
        await end(it, ended)
        await end(it, ended)
        for (const { model, id } of mine) expect(await it.adapter(model).find(id), model).toBeUndefined()
        for (const { model, id } of others) expect(await it.adapter(model).find(id), model).toBeDefined()
      })
    })

    promise('nothing is issued under a grant that has ended, nor is the grant revived', async (it) => {
      const grantId = await grant(it)
      await it.adapter('Grant').destroy(grantId)
      for (const model of grantModels) {
        const { id, payload } = artifact(it, model, grantId)
        await expect(it.adapter(model).upsert(id, payload, hour), model).rejects.toThrow(errors.InvalidGrant)
        expect(await it.adapter(model).find(id)).toBeUndefined()
      }
      const revival = it.adapter('Grant').upsert(grantId, artifact(it, 'Grant').payload, hour)
      await expect(revival).rejects.toThrow(errors.InvalidGrant)
      expect(await it.adapter('Grant').find(grantId)).toBeUndefined()
    })

    promise('a revocation and 20 issues at the same time leave nothing alive', async (it) => {
      for (let round = 0; round < 5; round += 1) {
        const grantId = await grant(it)
        const issued = Array.from({ length: 20 }, () => artifact(it, 'AccessToken', grantId))
        await Promise.allSettled(
          issued.map(async ({ id, payload }, number) => {
            if (number === 10) await it.adapter('Grant').destroy(grantId)
            await it.adapter('AccessToken').upsert(id, payload, hour)
          }),
        )
        for (const { id } of issued) expect(await it.adapter('AccessToken').find(id)).toBeUndefined()
      }
    })

    promise('a proof is accepted once: of 50 at the same time one (RFC 9449 §11.1, RFC 7523 §3)', async (it) => {
      const adapter = it.adapter('ReplayDetection')
      // As the library does it: asks, then writes.
      const present = async (id: string): Promise<void> => {
        if ((await adapter.find(id)) !== undefined) throw new errors.InvalidRequest('replay')
        await adapter.upsert(id, { jti: id, iss: 'client', kind: 'ReplayDetection', exp: seconds(it) + 60 }, 60)
      }
      const id = secret()
      const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => present(id)))
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      await expect(present(id)).rejects.toThrow()
      await present(secret())
    })

    promise('a session is found by its uid for reading only', async (it) => {
      const { id, payload } = artifact(it, 'Session')
      await it.adapter('Session').upsert(id, payload, hour)
      const { jti, ...found } = (await it.adapter('Session').findByUid(String(payload['uid']))) ?? {}
      expect({ ...found, jti: id }).toEqual(payload)
      expect(await it.adapter('Session').find(String(jti))).toBeUndefined()
      await expect(it.adapter('Session').upsert(String(jti), payload, hour)).rejects.toThrow()
      expect(await it.adapter('Session').findByUid(secret())).toBeUndefined()
    })

    promise('ten tabs that save one session at the same time lose no authorization, under one cookie', async (it) => {
      const { id, payload } = artifact(it, 'Session')
      await it.adapter('Session').upsert(id, payload, hour)
      const clients = Array.from({ length: 10 }, (_, number) => `client-${number}`)
      await Promise.all(
        clients.map((client) =>
          it.adapter('Session').upsert(id, { ...payload, authorizations: { [client]: { sid: client } } }, hour),
        ),
      )
      const found = await it.adapter('Session').find(id)
      expect(Object.keys((found?.['authorizations'] ?? {}) as object).sort()).toEqual(clients)
    })

    promise('nor under the new cookies that a sign-in gives each of them', async (it) => {
      const { payload } = artifact(it, 'Session')
      const clients = Array.from({ length: 10 }, (_, number) => `client-${number}`)
      const ids = clients.map(() => secret())
      await Promise.all(
        clients.map((client, at) =>
          it
            .adapter('Session')
            .upsert(String(ids[at]), { ...payload, authorizations: { [client]: { sid: client } } }, hour),
        ),
      )
      for (const id of ids) {
        const found = await it.adapter('Session').find(id)
        expect(Object.keys((found?.['authorizations'] ?? {}) as object).sort()).toEqual(clients)
      }
    })

    promise('what one person was granted is never merged into the session of another', async (it) => {
      const { id, payload } = artifact(it, 'Session')
      const [alice, bob] = [await it.account(), await it.account()]
      await it
        .adapter('Session')
        .upsert(id, { ...payload, accountId: alice, authorizations: { a: { sid: '1' } } }, hour)
      await it.adapter('Session').upsert(id, { ...payload, accountId: bob, authorizations: { b: { sid: '2' } } }, hour)
      const found = await it.adapter('Session').find(id)
      expect(found?.['authorizations']).toEqual({ b: { sid: '2' } })
    })

    promise('an interaction ends once: of 20 at the same time one ends it, and nobody finds it again', async (it) => {
      const { id, payload } = artifact(it, 'Interaction')
      await it.adapter('Interaction').upsert(id, payload, hour)
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => it.adapter('Interaction').destroy(id)))
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(await it.adapter('Interaction').find(id)).toBeUndefined()
    })

    promise('an interaction is sealed: what it carries cannot be read in the database', async (it) => {
      const { id, payload } = artifact(it, 'Interaction')
      const cookie = secret()
      await it.adapter('Interaction').upsert(id, { ...payload, session: { cookie }, params: { state: cookie } }, hour)
      expect(await it.dump()).not.toContain(cookie)
    })

    promise('a device code is found by its user code, which is nowhere in clear (RFC 8628 §5.1)', async (it) => {
      const { id, payload } = artifact(it, 'DeviceCode')
      const { grantId: _, ...waiting } = payload
      const userCode = 'BDWPHQPK'
      await it.adapter('DeviceCode').upsert(id, { ...waiting, userCode }, hour)
      const dump = await it.dump()
      expect(dump).not.toContain(userCode)
      expect(dump).not.toContain(it.storedForm(userCode))
      const { jti, ...found } = (await it.adapter('DeviceCode').findByUserCode(userCode)) ?? {}
      expect({ ...found, jti: id }).toEqual({ ...waiting, userCode })
      expect(await it.adapter('DeviceCode').findByUserCode('BDWPHQPL')).toBeUndefined()
      // Approved under the id that it was found with; the device polls with its own.
      const accountId = await it.account()
      const grantId = await grant(it)
      await it.adapter('DeviceCode').upsert(String(jti), { ...found, jti, userCode, accountId, grantId }, hour)
      expect(await it.adapter('DeviceCode').find(id)).toMatchObject({ accountId, grantId, userCode })
      const other = { ...found, jti, userCode, accountId: 'somebody else', grantId }
      await expect(it.adapter('DeviceCode').upsert(String(jti), other, hour)).rejects.toThrow(errors.InvalidGrant)
      await it.adapter('DeviceCode').consume(id)
      await expect(it.adapter('DeviceCode').consume(id)).rejects.toThrow(errors.InvalidGrant)
    })

    describe.each(['disableAccount', 'removeAccount'] as const)('%s', (way) => {
      promise('ends the codes, tokens and sessions of that person and of nobody else', async (it) => {
        const [gone, other] = [await it.account(), await it.account()]
        const rows: { model: string; id: string; accountId: string }[] = []
        for (const accountId of [gone, other]) {
          const grantId = await grant(it, accountId)
          for (const model of [...grantModels, 'Session'] as const) {
            const { id, payload } = artifact(it, model, grantId)
            await it.adapter(model).upsert(id, { ...payload, accountId }, hour)
            rows.push({ model, id, accountId })
          }
        }
        await it[way](gone)
        for (const { model, id, accountId } of rows) {
          const found = await it.adapter(model).find(id)
          expect(found === undefined, model).toBe(accountId === gone)
        }
      })
    })

    promise('keeps the time of expiry, by which the library refuses what is over', async (it) => {
      const { id, payload } = artifact(it, 'AccessToken', await grant(it))
      await it.adapter('AccessToken').upsert(id, { ...payload, exp: seconds(it) - 1 }, -1)
      const found = await it.adapter('AccessToken').find(id)
      expect(found === undefined || found['exp'] === seconds(it) - 1).toBe(true)
    })

    promise('text that cannot be stored is the fault of who sent it; all other text comes back', async (it) => {
      const pushed = it.adapter('PushedAuthorizationRequest')
      for (const text of ['\\u0000', '\u0001\u001f\u007f', '💥', '__proto__', "'; drop table grants", '\ufffe']) {
        const { id, payload } = artifact(it, 'PushedAuthorizationRequest')
        await pushed.upsert(id, { ...payload, request: text, [`-${text}`]: text }, hour)
        expect(await pushed.find(id), JSON.stringify(text)).toEqual({ ...payload, request: text, [`-${text}`]: text })
      }
      for (const text of ['\0', 'a\0b', '\ud800', '\udfff\ud800']) {
        const { id, payload } = artifact(it, 'PushedAuthorizationRequest')
        await expect(pushed.upsert(id, { ...payload, request: text }, hour), JSON.stringify(text)).rejects.toThrow(
          errors.InvalidRequest,
        )
        expect(await pushed.find(id)).toBeUndefined()
      }
      await expect(it.adapter('Client').find('a\0b')).rejects.toThrow(errors.InvalidRequest)
    })

    test('a database that does not answer is a 503 that may be repeated, never invalid_grant', async () => {
      const it = await suite.open()
      const grantId = await grant(it)
      await it.cut()
      const unavailable = { statusCode: 503, error: 'temporarily_unavailable' }
      for (const model of everyModel) {
        const { id, payload } = artifact(it, model, model === 'Grant' ? undefined : grantId)
        const adapter = it.adapter(model)
        await expect(adapter.find(id), `${model}.find`).rejects.toMatchObject(unavailable)
        await expect(adapter.upsert(id, payload, hour), `${model}.upsert`).rejects.toMatchObject(unavailable)
        await expect(adapter.destroy(id), `${model}.destroy`).rejects.toMatchObject(unavailable)
      }
      for (const model of consumable) {
        await expect(it.adapter(model).consume(secret()), `${model}.consume`).rejects.toMatchObject(unavailable)
        await expect(it.adapter(model).revokeByGrantId(grantId), model).rejects.toMatchObject(unavailable)
      }
      await expect(it.adapter('ReplayDetection').upsert(secret(), {}, 60)).rejects.toMatchObject(unavailable)
      await expect(it.adapter('Session').findByUid(secret())).rejects.toMatchObject(unavailable)
      await expect(it.adapter('DeviceCode').findByUserCode('BDWPHQPK')).rejects.toMatchObject(unavailable)
      await expect(it.adapter('Client').find('client')).rejects.toMatchObject(unavailable)
      await it.close()
    })
  })
}

function seconds(it: AdapterFixture): number {
  return Math.floor(it.now().getTime() / 1000)
}

function secret(): string {
  return randomBytes(32).toString('base64url')
}

/** A payload as the library writes it, with an id of its own. */
function artifact(it: AdapterFixture, model: string, grantId?: string): { id: string; payload: Payload } {
  const id = secret()
  const base = { iat: seconds(it), exp: seconds(it) + hour, jti: id, kind: model }
  if (model === 'Session') return { id, payload: { ...base, uid: secret() } }
  if (model === 'Interaction') return { id, payload: { ...base, params: { client_id: 'client' }, returnTo: '/' } }
  if (model === 'Grant') return { id, payload: { ...base, clientId: 'client', openid: { scope: 'openid' } } }
  const ofGrant = (grantModels as readonly string[]).includes(model) && grantId !== undefined
  return { id, payload: { ...base, clientId: 'client', scope: 'openid', ...(ofGrant ? { grantId } : {}) } }
}

async function grant(it: AdapterFixture, accountId?: string): Promise<string> {
  const { id, payload } = artifact(it, 'Grant')
  await it.adapter('Grant').upsert(id, { ...payload, ...(accountId === undefined ? {} : { accountId }) }, hour)
  return id
}

async function stored(it: AdapterFixture, model: string, grantId: string): Promise<{ model: string; id: string }> {
  const { id, payload } = artifact(it, model, grantId)
  await it.adapter(model).upsert(id, payload, hour)
  return { model, id }
}
