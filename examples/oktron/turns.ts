/** Lets the work of one person go one after the other, and that of different people side by side. */

export type InTurn = <T>(person: number, work: () => Promise<T>) => Promise<T>

export function turns(): InTurn {
  const last = new Map<number, Promise<unknown>>()
  return (person, work) => {
    const mine = (last.get(person) ?? Promise.resolve()).then(work)
    const settled = mine.catch(() => undefined)
    last.set(person, settled)
    void settled.then(() => last.get(person) === settled && last.delete(person))
    return mine
  }
}
