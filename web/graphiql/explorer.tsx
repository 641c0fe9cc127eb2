import { DOC_EXPLORER_PLUGIN } from "@graphiql/plugin-doc-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { IconPaperclip, IconUserCircle } from "@tabler/icons-react";
import { GraphiQL } from "graphiql";
import { session } from "../src/api/session";
import icon from "../src/icon.svg";
import { Account } from "./account";
import { examples } from "./examples";
import { fetcher, know } from "./fetcher";
import { Files } from "./files";
import { storage } from "./storage";
import { useFreshToken, useTokenInHeaders } from "./token";

const ACCOUNT = { title: "Account", icon: () => <IconUserCircle />, content: Account };
const FILES = { title: "Files", icon: () => <IconPaperclip />, content: Files };
const PLUGINS = [HISTORY_PLUGIN, FILES, ACCOUNT];
const isFirstVisit = storage.length === 0;

/** GraphiQL for the hub: with its session, its files and examples of what it can do. */
export function Explorer() {
  return (
    <GraphiQL
      fetcher={fetcher}
      onSchemaChange={know}
      referencePlugin={DOC_EXPLORER_PLUGIN}
      plugins={PLUGINS}
      {...(!session.get() && { visiblePlugin: ACCOUNT })}
      defaultTabs={examples}
      {...(isFirstVisit && { initialVariables: examples[0]?.variables ?? "" })}
      defaultEditorToolsVisibility="variables"
      shouldPersistHeaders={false}
      storage={storage}
    >
      <GraphiQL.Logo>
        <Home />
      </GraphiQL.Logo>
    </GraphiQL>
  );
}

function Home() {
  useTokenInHeaders();
  useFreshToken();
  return (
    <>
      <h1 className="hidden">GraphiQL</h1>
      <a href="/" className="home" aria-label="Cell Segmentation Hub">
        <img src={icon} width="24" height="24" alt="" />
        <span>Cell Segmentation Hub</span>
      </a>
    </>
  );
}
