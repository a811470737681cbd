import { t } from '@/i18n'
import { age } from '@/lib/format'

/** “in 3 h”, “2 d overdue”: how a deadline lies to now. */
export function dueText(due: string | null, now: number): string {
  if (!due) return '—'
  const ms = Date.parse(due) - now
  return ms >= 0 ? t('cases.due.in', { age: age(ms) }) : t('cases.due.over', { age: age(-ms) })
}
