import {
  IconBox,
  IconCpu,
  IconEngine,
  IconHistory,
  IconLayoutDashboard,
  IconSettings,
  IconShieldLock,
  IconSitemap,
  IconStack2,
  IconTable,
  IconTimeline,
  type TablerIcon,
} from '@tabler/icons-react'
import type { ComponentType } from 'react'
import { AccessPage } from '../features/access'
import { ActivityPage } from '../features/activity'
import { DataPage } from '../features/data'
import { DevicesPage } from '../features/devices'
import { JobsPage } from '../features/jobs'
import { ModelsPage } from '../features/models'
import { OverviewPage } from '../features/overview'
import { PipelinesPage } from '../features/pipelines'
import { RuntimesPage } from '../features/runtimes'
import { SettingsPage } from '../features/settings'
import { TimelinePage } from '../features/timeline'
import type { PageName } from '../lib/router'

/** Each page with its icon and the letter that goes there after `g`. */
export const ROUTES: Record<PageName, { Page: ComponentType; icon: TablerIcon; letter: string }> = {
  overview: { Page: OverviewPage, icon: IconLayoutDashboard, letter: 'o' },
  devices: { Page: DevicesPage, icon: IconCpu, letter: 'd' },
  jobs: { Page: JobsPage, icon: IconStack2, letter: 'j' },
  timeline: { Page: TimelinePage, icon: IconTimeline, letter: 'l' },
  pipelines: { Page: PipelinesPage, icon: IconSitemap, letter: 'p' },
  models: { Page: ModelsPage, icon: IconBox, letter: 'm' },
  data: { Page: DataPage, icon: IconTable, letter: 'b' },
  runtimes: { Page: RuntimesPage, icon: IconEngine, letter: 'r' },
  access: { Page: AccessPage, icon: IconShieldLock, letter: 'a' },
  activity: { Page: ActivityPage, icon: IconHistory, letter: 't' },
  settings: { Page: SettingsPage, icon: IconSettings, letter: 's' },
}
