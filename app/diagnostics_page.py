"""How well a model hears "no": stored reports, and a small one on demand."""

from __future__ import annotations

import streamlit as st

from app.diagnosing import reports_folder, show_form
from app.diagnostics_view import show_report
from app.filters_view import show_title
from app.markup import banner_html, tag, text
from app.reports import StoredReport, stored_reports
from app.resources import archive_location, open_archive

REPORT = "report"  # in the address it names a report, by its folder's name
NONE_YET = (
    "No report is kept here yet. Run a small one at the left, or a full one: "
    "`medneg diagnose --archive ARCHIVE --encoder ENCODER --out FOLDER`."
)


def main() -> None:
    """Draw the page.

    Raises:
        MednegError: if there is no archive, or the operator's text towers are gone.
    """
    store = open_archive(archive_location())
    folder = reports_folder()
    st.html(banner_html())
    with st.sidebar:
        show_title(store)
        if folder is None:
            st.caption("An archive on a server keeps no reports: start the page with `--reports FOLDER`.")
            return
        made = show_form(store, folder)
        if made:
            st.session_state[REPORT] = made
        report = _choose(stored_reports(folder))
    st.html(tag("div", text("Does this model hear “no”?"), kind="mn-page-title"))
    if report is None:
        st.info(NONE_YET)
    else:
        show_report(report)


def _choose(reports: tuple[StoredReport, ...]) -> StoredReport | None:
    named = {report.name: report for report in reports}
    if not named:
        return None
    name = st.radio(
        "Reports",
        list(named),
        captions=[f"{report.when:%Y-%m-%d %H:%M} · {report.title}" for report in reports],
        key=REPORT,
        bind="query-params",
    )
    return named.get(name)


if __name__ == "__main__":
    main()
