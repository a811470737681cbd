import { onMounted, onScopeDispose } from 'vue'

/** Whether a key press belongs to what is focused: text being typed, a dialog, an open list. */
function taken(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true
  const target = event.target as HTMLElement | null
  if (document.querySelector('[role="dialog"][aria-modal="true"]')) return true
  return !!target?.closest('input:not([type="checkbox"]), textarea, select, [role="combobox"], [role="dialog"], [contenteditable="true"]')
}

/**
 * j and k walk through the rows (elements marked `data-row="<id>"`), other letters act on the one that has focus.
 * Focus is the cursor: what the keyboard acts on is what a screen reader reads.
 */
export function useRowKeys(actions: Record<string, (id: number) => void>): void {
  const marks = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('main [data-row]')]
  function press(event: KeyboardEvent): void {
    if (taken(event)) return
    const rows = marks()
    const row = (document.activeElement as HTMLElement | null)?.closest('tr')
    const here = rows.findIndex((mark) => row?.contains(mark))
    if (event.key === 'j' || event.key === 'k') {
      const next = here < 0 ? (event.key === 'j' ? 0 : rows.length - 1) : here + (event.key === 'j' ? 1 : -1)
      rows[next]?.focus()
      rows[next]?.scrollIntoView({ block: 'nearest' })
    } else if (actions[event.key] && here >= 0) actions[event.key]!(Number(rows[here]!.dataset.row))
    else return
    event.preventDefault()
  }
  onMounted(() => document.addEventListener('keydown', press))
  onScopeDispose(() => document.removeEventListener('keydown', press))
}
