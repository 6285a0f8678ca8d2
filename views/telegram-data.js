/**
 * Reads what Telegram has put behind the `#` of the address, shows whom it names, and lets them send it.
 *
 * What is shown is not yet proven: it is for the person, who sees whose sign-in this would be. Nothing is sent by itself.
 */
const form = document.querySelector('[data-fragment]')
const data = new URLSearchParams(location.hash.slice(1)).get(form?.dataset.fragment ?? '')

const name = data ? nameOf(data) : ''

// Who is not named cannot agree to it: then the page goes on explaining itself.
if (form && name) {
  // It counts once and for minutes, and has no business in the history.
  history.replaceState(null, '', location.pathname + location.search)
  form.elements.namedItem('data').value = data
  form.querySelector('[data-person]').textContent = name
  form.hidden = false
  document.querySelector('[data-missing]').hidden = true
}

function nameOf(text) {
  try {
    const { first_name: first = '', last_name: last = '', username } = personOf(text)
    const name = `${first} ${last}`.trim()
    return username ? `${name} (@${username})` : name
  } catch {
    return ''
  }
}

/** A Mini App is told fields, of which one is the person; the login of old bots gives the person in base64url. */
function personOf(text) {
  const user = new URLSearchParams(text).get('user')
  if (user !== null) return JSON.parse(user)
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0))
  return JSON.parse(new TextDecoder().decode(bytes))
}
