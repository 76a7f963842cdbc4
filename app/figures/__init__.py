"""Figures: numbers in, plotly out. Nothing here imports Streamlit, and every title says what to see."""
