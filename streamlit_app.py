import streamlit as st

app = st.App("app/main.py")
