/** Types of JWTs (RFC 8725 §3.11), by which one kind is not taken for another. */

/** Whether a header's `typ` is `expected`, in the short or the long form, or says nothing: many clients do not name it. */
export function isJwtType(typ: unknown, expected: string): boolean {
  if (typ === undefined) return true
  const named = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : ''
  return named === 'jwt' || named === expected
}
