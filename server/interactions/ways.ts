/**
 * What the ways to prove who one is have in common: several may prove the same identity, which is stored under one name.
 */
import type { IdentityProvider } from '../../adapters/identity/contract.ts'

type Providers = ReadonlyMap<string, IdentityProvider>

/** The name under which a provider's identities are stored. */
export function provedBy({ id, proves = id }: IdentityProvider): string {
  return proves
}

/** A way to prove an identity of this name, or the provider that has it for its id; the first that is offered. */
export function wayTo(name: string, providers: Providers): IdentityProvider | undefined {
  return providers.get(name) ?? [...providers.values()].find((provider) => provedBy(provider) === name)
}

/** What identities are called on pages, by the names under which they are stored. */
export function identityLabels(providers: Providers): ReadonlyMap<string, string> {
  const names = [...new Set([...providers.values()].map(provedBy))]
  return new Map(names.map((name) => [name, wayTo(name, providers)?.label ?? name]))
}
