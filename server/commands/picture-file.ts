/** Reads a picture from a file of whoever types the command. */
import { encodeLogo, maximumLogoSize } from '../oidc/logo.ts'
import { readFileStart } from './file-start.ts'

/** The picture in its stored form. Throws `Refusal` when there is none, or none that is taken. */
export function readPicture(path: string): Promise<string> {
  return readFileStart(path, maximumLogoSize, encodeLogo)
}
