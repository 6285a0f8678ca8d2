/** The client that a command line names. */
import type { Client } from '../../adapters/postgres/clients.ts'
import { Refusal } from '../errors.ts'
import type { Context, Input } from './command.ts'

/** The client named by the first argument. Throws `Refusal`. */
export async function existing({ clients }: Context, input: Input): Promise<Client> {
  const id = input.argument(0) ?? ''
  const client = await clients.find(id)
  if (client === undefined) throw new Refusal('not-found', `There is no client "${id}". See: habitat-auth client list`)
  return client
}
