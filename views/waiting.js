/*
 * Tells at once what happened elsewhere while a page waits: listens to the server, asks now and then where it cannot
 * listen, and goes on by the page's own form. Without it the same form does, by hand.
 */
const place = document.querySelector('[data-events]')
const form = place?.closest('main')?.querySelector('form[data-continue]')

/** Milliseconds. */
const betweenQuestions = 3000
let done = false

function tell(standing) {
  if (done || !(standing in place.dataset)) return
  if (place.textContent !== place.dataset[standing]) place.textContent = place.dataset[standing]
  if (standing !== 'settled') return
  done = true
  form.requestSubmit(form.querySelector('button'))
}

function listen() {
  const source = new EventSource(place.dataset.events)
  source.addEventListener('message', ({ data }) => {
    // Otherwise the end of the answer reads as a reason to come again.
    if (data === 'settled') source.close()
    tell(data)
  })
  source.addEventListener('error', () => {
    // What is only interrupted comes back by itself.
    if (source.readyState === EventSource.CLOSED && !done) setTimeout(ask, betweenQuestions)
  })
}

async function ask() {
  try {
    const response = await fetch(place.dataset.events, { headers: { accept: 'application/json' } })
    // This page is over, or stands elsewhere by now: another one says what to do.
    if (response.status === 400 || response.status === 410 || response.redirected) return location.reload()
    if (response.ok) tell((await response.json()).standing)
  } catch {
    // No connection at the moment.
  }
  if (!done) setTimeout(ask, betweenQuestions)
}

if (form) {
  if ('EventSource' in window) listen()
  else void ask()
  // Somebody who comes back by the browser's own button sees the page as it was.
  addEventListener('pageshow', ({ persisted }) => persisted && location.reload())
}
