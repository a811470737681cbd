import { ref } from 'vue'

/** Server time without trusting the browser's clock: offset learnt from every frame that carries `server_ms`. */
let offset = 0
let known = false
/** Ticks once a second on the server's seconds; for clocks and ages. */
export const nowMs = ref(Date.now())

export function learnServerTime(serverMs: number): void {
  const next = serverMs - Date.now()
  // Frames arrive late, never early: the largest offset is the truest; drift is followed slowly.
  offset = known ? Math.max(next, offset - 2) : next
  known = true
}

export const serverNow = (): number => Date.now() + offset
export const serverTimeKnown = (): boolean => known

function tick(): void {
  nowMs.value = serverNow()
  setTimeout(tick, 1000 - (serverNow() % 1000) + 5)
}
tick()
