import {
  ActionIcon,
  Anchor,
  Avatar,
  Button,
  Group,
  Menu,
  Text,
  UnstyledButton,
  useComputedColorScheme,
  useMantineColorScheme,
  VisuallyHidden,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconApi, IconKey, IconLogout, IconMoon, IconSun } from "@tabler/icons-react";
import { lazy, type RefObject, Suspense, useEffect, useRef } from "react";
import { Link, Outlet, ScrollRestoration, useLocation } from "react-router";
import { ahead, loaded } from "../api/loaded";
import { session, signOut } from "../api/session";
import { useStore } from "../api/store";
import icon from "../icon.svg";
import { uploads } from "../live/uploads";
import { ConnectionNotice } from "./connection-notice";
import classes from "./shell.module.css";

const loadTray = () => import("./upload-tray");
const loadKeys = () => import("./api-keys");
const UploadTray = lazy(async () => ({ default: (await loaded(loadTray)).UploadTray }));
const ApiKeys = lazy(async () => ({ default: (await loaded(loadKeys)).ApiKeys }));

/** What stands around each page: where one is, whether it is live, and who one is. */
export function Shell() {
  const main = useFocusOfPages();
  return (
    <>
      <Button component="a" href="#main" className="skip">
        Skip to the content
      </Button>
      <header className={classes.header}>
        <Group className={classes.bar} justify="space-between" wrap="nowrap">
          <Logo />
          <Group gap="xs" wrap="nowrap">
            <ConnectionNotice />
            <SchemeToggle />
            <UserMenu />
          </Group>
        </Group>
      </header>
      <main ref={main} id="main" tabIndex={-1} className={classes.main}>
        <Outlet />
      </main>
      <Uploads />
      <ScrollRestoration />
    </>
  );
}

// A page takes the focus of the one before with it: the next one begins at its beginning.
function useFocusOfPages(): RefObject<HTMLElement | null> {
  const { pathname } = useLocation();
  const shown = useRef(pathname);
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    if (document.activeElement === document.body) main.current?.focus({ preventScroll: true });
  }, [pathname]);
  return main;
}

function Uploads() {
  useStore(uploads.version);
  useEffect(() => ahead(loadTray), []);
  if (!uploads.files.length) return null;
  return (
    <Suspense>
      <UploadTray />
    </Suspense>
  );
}

export function Logo() {
  return (
    <Anchor component={Link} to="/" c="inherit" underline="never" className={classes.logo}>
      <img src={icon} width="28" height="28" alt="" />
      <Text fw={650} component="span" className={classes.name}>
        Cell Segmentation Hub
      </Text>
    </Anchor>
  );
}

export function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const next = scheme === "dark" ? "light" : "dark";
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      c="inherit"
      aria-label={`Use the ${next} theme`}
      onClick={() => setColorScheme(next)}
    >
      {scheme === "dark" ? <IconSun size={18} /> : <IconMoon size={18} />}
    </ActionIcon>
  );
}

function UserMenu() {
  const user = useStore(session)?.user;
  const [showsKeys, keys] = useDisclosure(false);
  if (!user) return null;
  return (
    <>
      <Menu position="bottom-end" width={240} withArrow>
        <Menu.Target>
          <UnstyledButton>
            <VisuallyHidden>Account of {user.name}</VisuallyHidden>
            <Avatar name={user.name} color="initials" variant="filled" size={34} aria-hidden />
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label c="dimmed">{user.email}</Menu.Label>
          <Menu.Item component="a" href="/graphql" leftSection={<IconApi size={16} />}>
            GraphiQL
          </Menu.Item>
          <Menu.Item leftSection={<IconKey size={16} />} onClick={keys.open}>
            API keys
          </Menu.Item>
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()}>
            Sign out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {showsKeys && (
        <Suspense>
          <ApiKeys onClose={keys.close} />
        </Suspense>
      )}
    </>
  );
}
