import { knows, t } from '@/i18n'
import { dateTime } from '@/lib/format'

const isoTime = (text: unknown): string => dateTime(Date.parse(String(text)))
const word = (key: string, value: unknown): string => (knows(`${key}.${String(value)}`) ? t(`${key}.${String(value)}`) : String(value))

/** What an entry of the journal adds to its event, as a sentence; empty where it adds nothing. */
export function journalDetail(detail: Record<string, unknown> | null | undefined): string {
  if (!detail) return ''
  const { reason, said, until, from, group, why, cause, repeats, suppressed } = detail
  const parts = [
    reason !== undefined && word('alarms.detail.reason', reason) + (said === undefined ? '' : ` (${word('alarms.detail.said', said)})`),
    suppressed !== undefined && word('alarms.silence', suppressed),
    until !== undefined && `${t('alarms.until')} ${isoTime(until)}`,
    from !== undefined && group !== undefined && t('alarms.detail.moved', { from, group }),
    from === undefined && group !== undefined && group !== null && t('alarms.detail.group', { group }),
    why !== undefined && why !== '' && String(why),
    cause !== undefined && word('alarms.cause', cause),
    repeats !== undefined && t('alarms.repeats', { n: repeats }),
  ]
  return parts.filter(Boolean).join(' · ')
}
