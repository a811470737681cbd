import { onScopeDispose, watch } from 'vue'
import type { AlarmRow } from '@/api/overview'
import { usePreferences } from '@/stores/preferences'

/** Tones by level: higher and more often the worse it is. Hz and number of beeps. */
const TONES: Record<number, [hz: number, beeps: number]> = { 1: [988, 4], 2: [784, 3], 3: [587, 2], 4: [440, 1] }
const REPEAT = 30_000

let audio: AudioContext | null = null

function beep(level: number): void {
  audio ??= new AudioContext()
  if (audio.state === 'suspended') void audio.resume()
  const [hz, beeps] = TONES[level] ?? TONES[4]!
  for (let i = 0; i < beeps; i++) {
    const start = audio.currentTime + i * 0.22
    const tone = audio.createOscillator()
    const gain = audio.createGain()
    tone.frequency.value = hz
    gain.gain.setValueAtTime(0.0001, start)
    gain.gain.exponentialRampToValueAtTime(0.18, start + 0.02)
    gain.gain.exponentialRampToValueAtTime(0.0001, start + 0.17)
    tone.connect(gain).connect(audio.destination)
    tone.start(start)
    tone.stop(start + 0.18)
  }
}

/** A tone for each new unacknowledged alarm; levels 1 and 2 again every half minute until acknowledged. */
export function useAlarmSound(alarms: () => AlarmRow[] | null): void {
  const preferences = usePreferences()
  let known: Set<number> | null = null
  watch(alarms, (rows) => {
    if (!rows) return
    const fresh = rows.filter((a) => !a.acknowledged && !a.cleared_at && known && !known.has(a.id))
    known = new Set(rows.map((a) => a.id))
    if (fresh.length && !preferences.muted) beep(Math.min(...fresh.map((a) => a.level)))
  })
  const timer = globalThis.setInterval(() => {
    if (preferences.muted) return
    const open = (alarms() ?? []).filter((a) => !a.acknowledged && !a.cleared_at && a.level <= 2)
    if (open.length) beep(Math.min(...open.map((a) => a.level)))
  }, REPEAT)
  onScopeDispose(() => globalThis.clearInterval(timer))
}
