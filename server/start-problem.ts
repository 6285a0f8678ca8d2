/**
 * What keeps a server from starting and is no bug: the port, the address, the files, a database that lets nobody in.
 * Says what to do, without a stack.
 */

/** A sentence for whoever starts the server; undefined for what is not expected. */
export function startProblem(error: unknown): string | undefined {
  if (isRefusedByDatabase(error)) {
    return `The database lets nobody in: ${error.message}. Check the user, the password and the name in DATABASE_URL.`
  }
  if (!isSystemError(error)) return undefined
  if (error.syscall === 'listen') return listenProblem(error)
  if (error.path === undefined) return undefined
  return `${error.path} cannot be used (${error.code}). DATA_DIR must be a folder that belongs to the user the server runs as.`
}

function listenProblem({ code, port, address }: SystemError): string {
  if (code === 'EADDRINUSE') return `Port ${port} is in use: set PORT to another one.`
  if (code === 'EACCES') return `Port ${port} is only for root: set PORT to 1024 or above.`
  if (code === 'EADDRNOTAVAIL') return `This machine does not have the address ${address}: set HOST to one of its own.`
  return `It cannot listen on ${address}:${port} (${code}): set HOST and PORT to others.`
}

/** Classes 28 (authorization) and 3D (name of the database) of the error codes of Postgres; 42501 is want of a privilege. */
function isRefusedByDatabase(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && /^(28...|3D...|42501)$/.test(String(error.code))
}

type SystemError = NodeJS.ErrnoException & { readonly address?: string; readonly port?: number }

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'code' in error && 'syscall' in error
}
